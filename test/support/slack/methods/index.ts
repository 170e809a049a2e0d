import { chat } from './chat.ts'
import { conversations } from './conversations.ts'
import { files } from './files.ts'
import type { Method } from './method.ts'
import { oauth } from './oauth.ts'
import { people } from './people.ts'
import { stream } from './stream.ts'
import { threads } from './threads.ts'
import { views } from './views.ts'

export const methods: Record<string, Method> = {
  ...chat,
  ...stream,
  ...threads,
  ...conversations,
  ...people,
  ...files,
  ...views,
  ...oauth,
}
