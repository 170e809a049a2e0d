import { readContract } from '../contracts/reply/index.ts'
import { openWebReplies, webTraits } from './replies.ts'

readContract('The web page', webTraits, openWebReplies)
