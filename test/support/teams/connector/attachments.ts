import type { State } from '../state.ts'
import { type Answer, Refusal } from './call.ts'

const notFound = () => new Refusal(404, 'NotFound', 'The attachment was not found')

/** `/v3/attachments/{id}`, and `/v3/attachments/{id}/views/original` for its bytes. */
export function attachment(state: State, id: string, view: string | undefined): Answer {
  const file = state.files.get(id)
  if (file?.kind !== 'inline') throw notFound()
  if (view === undefined) {
    const views = [{ viewId: 'original', size: file.bytes.length }]
    return { status: 200, body: { name: file.name, type: file.type, views } }
  }
  if (view !== 'original') throw notFound()
  return { status: 200, bytes: file.bytes, type: file.type }
}

/**
 * A shared file behind its pre-authenticated link. It is another host's: a bot that sends its token there has given it
 * away, and SharePoint refuses such a request.
 */
export function sharedFile(state: State, id: string, authorization: string | undefined): Answer {
  const file = state.files.get(id)
  if (file?.kind !== 'shared') throw notFound()
  if (authorization !== undefined) throw new Refusal(401, 'unauthenticated', 'This link takes no token')
  return { status: 200, bytes: file.bytes, type: file.type }
}
