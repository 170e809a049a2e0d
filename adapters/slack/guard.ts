import { closingBracket, labelChars, linkAt, targetChars } from '../../src/links.ts'

/**
 * What a model writes must not ring anyone's phone and must not hide where a link goes. A zero-width space in the right
 * place takes the meaning from such a construct and leaves it readable; every other character stays as the model wrote it.
 */
export const zeroWidth = '\u200b'

/** A bit of output, and how much of the source it stands for: all of it, or nothing (something we put in). */
export interface Run {
  text: string
  source: number
  /** A line of a code block that we made; the model wrote none there. */
  ours?: true
}

export interface Guarded {
  runs: Run[]
  /** The end of the source that cannot be judged before more of it is there. */
  rest: string
}

/** After these signs we must look ahead. */
const special = /[<@[\]]/g
const ping = /<(?:[@#](?=[a-z0-9])|!(?=(?:channel|here|everyone|group|subteam|date)\b))/iy
const pingBegun = /^<(?:[@#!][a-z]{0,9})?$/i
const broadcast = /@(?:channel|here|everyone)(?![\w-])/iy
const broadcastBegun = /^@[a-z]{0,8}$/i
/** Slack's own way to write a link under another name: `<https://…|name>`. */
const namedLink = /<[a-z][a-z0-9+.-]{0,20}:[^\s<>|]{0,2000}\|/iy
const namedLinkBegun = /^<[a-z][a-z0-9+.-]{0,20}(?::[^\s<>|]{0,2000})?$/i

/**
 * Guards a part of one line. `before`: what precedes it in its line. `ended`: the line ends after it; without that, what
 * more text could change is given back as `rest`.
 */
export function guard(part: string, ended: boolean, before = ''): Guarded {
  const runs: Run[] = []
  let plain = 0
  let at = 0

  /** Put a zero-width space in at `index`. */
  function split(index: number): void {
    if (index > plain) runs.push({ text: part.slice(plain, index), source: index - plain })
    runs.push({ text: zeroWidth, source: 0 })
    plain = index
  }

  function finish(index: number): Guarded {
    if (index > plain) runs.push({ text: part.slice(plain, index), source: index - plain })
    return { runs, rest: part.slice(index) }
  }

  for (;;) {
    special.lastIndex = at
    const found = special.exec(part)
    if (!found) return finish(part.length)
    at = found.index
    const step = judge(part, at, ended, before)
    if (step === 'wait') return finish(at)
    for (const index of step.splits) split(index)
    at = step.next
  }
}

interface Step {
  splits: number[]
  next: number
}

function judge(part: string, at: number, ended: boolean, before: string): Step | 'wait' {
  switch (part[at]) {
    case '<':
      return judgeAngle(part, at, ended)
    case '@':
      return judgeAt(part, at, ended, before)
    case ']':
      return judgeClosing(part, at, ended)
    default:
      return judgeBracket(part, at, ended, before)
  }
}

const pass = (at: number): Step => ({ splits: [], next: at + 1 })
const cut = (index: number): Step => ({ splits: [index], next: index })

function judgeAngle(part: string, at: number, ended: boolean): Step | 'wait' {
  if (!ended && part.length - at <= targetChars + 30) {
    const tail = part.slice(at)
    if (pingBegun.test(tail) || namedLinkBegun.test(tail)) return 'wait'
  }
  return matchesAt(ping, part, at) || matchesAt(namedLink, part, at) ? cut(at + 1) : pass(at)
}

function judgeAt(part: string, at: number, ended: boolean, before: string): Step | 'wait' {
  if (/\w/.test(part[at - 1] ?? before.slice(-1))) return pass(at)
  if (!ended && part.length - at < 12 && broadcastBegun.test(part.slice(at))) return 'wait'
  return matchesAt(broadcast, part, at) ? cut(at + 1) : pass(at)
}

/** A bracket that closes something we do not know: a label over several lines, one with brackets in it, or a long one. */
function judgeClosing(part: string, at: number, ended: boolean): Step | 'wait' {
  const next = part[at + 1]
  if (next === undefined && !ended) return 'wait'
  return next === '(' || next === ':' ? cut(at + 1) : pass(at)
}

function judgeBracket(part: string, at: number, ended: boolean, before: string): Step | 'wait' {
  const end = closingBracket(part, at)
  if (end === undefined) return !ended && part.length - at <= labelChars ? 'wait' : pass(at)
  if (end === 'no label') return pass(at)
  const link = linkAt(part, at, ended)
  if (link === 'wait') return 'wait'
  // What is inside is judged by itself; it is whole.
  const within = guardedAt(part.slice(at + 1, end), at + 1)
  if (link) return { splits: link.honest ? within : [...within, end + 1], next: link.honest ? link.end : end + 1 }
  const next = part[end + 1]
  // A definition (`[name]: address`) lets a link elsewhere go where nobody sees it.
  const defines = next === ':' && (before + part.slice(0, at)).trim() === ''
  return { splits: defines || next === '(' ? [...within, end + 1] : within, next: end + 1 }
}

function guardedAt(inside: string, offset: number): number[] {
  const splits: number[] = []
  let at = offset
  for (const run of guard(inside, true, '[').runs) {
    if (run.source === 0) splits.push(at)
    at += run.source
  }
  return splits
}

function matchesAt(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at
  return pattern.test(text)
}
