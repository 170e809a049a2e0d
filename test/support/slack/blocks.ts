import type { Json } from '../../../src/types.ts'
import { blockChecker, type Where } from './blockRules.ts'
import { isObject, SlackRefusal } from './request.ts'
import type { Block } from './state.ts'

/**
 * Block Kit's rules, as far as a chatbot meets them. Lengths count UTF-16 units, as Slack's own documents say
 * "characters". Source: docs.slack.dev/reference/block-kit and the limits that people measured (see each line).
 */

export const maxBlocks = 50
/** All text of one message's blocks; varies in life, refused from about here on. */
export const maxBlockText = 12_000
export const maxTableText = 10_000

/** Throws `invalid_blocks` with every fault's place, or `msg_blocks_too_long`. */
export function checkBlocks(value: Json | undefined, where: Where = 'message', tooMany = 'invalid_blocks'): Block[] {
  if (!Array.isArray(value)) throw new SlackRefusal('invalid_blocks_format')
  if (value.length > (where === 'message' ? maxBlocks : 100))
    throw refusal(tooMany, [`no more than ${maxBlocks} items allowed [json-pointer:/blocks]`])
  const faults: string[] = []
  const check = blockChecker(faults, where)
  const ids = new Set<string>()
  value.forEach((block, index) => {
    check(block, `/blocks/${index}`)
    const id = isObject(block) ? block.block_id : undefined
    if (typeof id === 'string' && id !== '' && ids.size === ids.add(id).size)
      faults.push(`block_id ${id} already exists [json-pointer:/blocks/${index}/block_id]`)
  })
  if (value.filter((block) => isObject(block) && block.type === 'table').length > 1)
    faults.push('only one table allowed [json-pointer:/blocks]')
  for (const block of value)
    if (isObject(block) && block.type === 'table' && textLength(block.rows) > maxTableText)
      faults.push('a table must be less than 10001 characters in all [json-pointer:/blocks]')
  if (faults.length > 0) throw refusal('invalid_blocks', faults)
  if (textLength(value) > maxBlockText && where === 'message') throw new SlackRefusal('msg_blocks_too_long')
  return value as Block[]
}

function refusal(error: string, faults: string[]): SlackRefusal {
  return new SlackRefusal(error, {
    errors: faults,
    response_metadata: { messages: faults.map((fault) => `[ERROR] ${fault}`) },
  })
}

/** Characters of text a person could read in these blocks. */
export function textLength(value: Json | undefined): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + textLength(item), 0)
  if (!isObject(value)) return 0
  let sum = 0
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === 'string') {
      if (['text', 'title', 'caption', 'details', 'output'].includes(key)) sum += item.length
    } else sum += textLength(item)
  }
  return sum
}
