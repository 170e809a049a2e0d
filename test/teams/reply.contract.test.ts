import { replyContract } from '../contracts/reply/index.ts'
import { openTeamsReplies, teamsTraits } from './replies.ts'

replyContract('Teams, personal chat', teamsTraits, () => openTeamsReplies('personal'))
replyContract('Teams, group chat', teamsTraits, () => openTeamsReplies('group'))
replyContract('Teams, a thread of a channel', teamsTraits, () => openTeamsReplies('channel'))
