import { identityOf } from '../src/ids.ts'
import { message } from '../test/support/world.ts'
import { median } from './clock.ts'
import type { Row } from './row.ts'
import { channelOf, nameOf, redisTown, type Size, sqliteTown, type Town } from './town.ts'

/** 1 % of a million users and ten million conversations, and 1 % of that. */
const many: Size = { users: 10_000, conversations: 100_000 }
const few: Size = { users: 100, conversations: 1_000 }
/** Blocks of turns among many and among few, in turns about. */
const blocks = 16
const perBlock = 50
const looks = 2_000
/** Those who write, each in a conversation of theirs; everyone else is only there. */
const writers = 50

/** What a turn and a look-up of a person cost among many users and conversations, against among few, on both engines. */
export async function run({ scale = 1 }: { scale?: number } = {}): Promise<Row[]> {
  const filled = { users: many.users * scale, conversations: many.conversations * scale }
  const rows: Row[] = []
  for (const [engine, open] of [
    ['Redis', redisTown],
    ['SQLite', sqliteTown],
  ] as const) {
    const towns = { many: await open(filled), few: await open(few) }
    try {
      rows.push(...(await compare(engine, towns)))
    } finally {
      for (const town of Object.values(towns)) await town.end()
    }
  }
  return rows
}

/** Flat, but for the processor's caches, which hold all of the few and little of the many. */
const goal = 'at most 1.15x'

type Pair<T> = Record<'many' | 'few', T>

async function compare(engine: string, towns: Pair<Town>): Promise<Row[]> {
  const { many: ours, few: base } = await measure(towns)
  const row = (name: string, pick: (measured: Measured) => number[], promise?: string): Row => {
    const [here, there] = [median(pick(ours)), median(pick(base))]
    return { name, ours: here, base: there, ratio: here / there, unit: 'ms', ...(promise && { goal: promise }) }
  }
  const among = ({ size: { users, conversations } }: Town) =>
    `${users.toLocaleString('en')} users and ${conversations.toLocaleString('en')} conversations`
  const onRedis = engine === 'Redis'
  const counted = { ours: ours.commands, base: base.commands, ratio: ours.commands / base.commands }
  return [
    row(`a turn on ${engine} among ${among(towns.many)}, against ${among(towns.few)}`, ({ turns }) => turns, goal),
    row(`the same, CPU${onRedis ? ', that of Redis included' : ''}`, ({ cpu }) => cpu, goal),
    ...(onRedis ? [{ name: 'the same, commands that Redis runs', ...counted, goal: '1.00x' }] : []),
    row('the same, a look-up of a person in the store', ({ finds }) => finds),
    { name: 'look-ups in the store, for a turn of someone who wrote before', ours: ours.asked, goal: 'none' },
  ]
}

/** Milliseconds: each turn, the CPU of a turn in each block, each look-up. For a turn: commands of the server, look-ups. */
interface Measured {
  turns: number[]
  cpu: number[]
  finds: number[]
  commands: number
  asked: number
}

/** Both towns in turns about, so that what else the machine does meets both. */
async function measure({ many, few }: Pair<Town>): Promise<Pair<Measured>> {
  const begin = (town: Town) => {
    const measured: Measured = { turns: [], cpu: [], finds: [], commands: 0, asked: 0 }
    return { town, write: createWriters(town), began: 0, measured }
  }
  const both = { many: begin(many), few: begin(few) }
  const all = [both.many, both.few]
  for (const one of all) {
    // At their first message everyone is looked up; then they are known.
    await one.write(writers)
    one.town.asked.times = 0
    one.began = (await one.town.elsewhere()).commands
  }
  for (let block = 0; block < blocks; block++) {
    for (const { town, write, measured } of block % 2 ? all : all.toReversed()) {
      const before = await cpuOf(town)
      measured.turns.push(...(await write(perBlock)))
      measured.cpu.push(((await cpuOf(town)) - before) / perBlock)
    }
  }
  for (const { town, began, measured } of all) {
    measured.commands = ((await town.elsewhere()).commands - began) / (blocks * perBlock)
    measured.asked = town.asked.times / (blocks * perBlock)
  }
  for (let look = 0; look < looks; look++) {
    for (const { town, measured } of all) measured.finds.push(await find(town))
  }
  return { many: both.many.measured, few: both.few.measured }
}

/** Milliseconds of CPU of this process and its server. */
async function cpuOf(town: Town): Promise<number> {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000 + (await town.elsewhere()).cpu
}

async function find({ store, size }: Town): Promise<number> {
  const identity = identityOf(message('', { from: nameOf(Math.floor(Math.random() * size.users)) }).sender)
  const began = performance.now()
  if (!(await store.users.find(identity))) throw new Error('nobody was found')
  return performance.now() - began
}

/** Turns of the town's writers, one after the other. Each replaces the writer's one before, so that conversations keep their length. */
function createWriters({ size, instance: { chat } }: Town): (turns: number) => Promise<number[]> {
  const last = new Map<number, string>()
  let next = 0
  return async (turns) => {
    const times: number[] = []
    for (let n = 0; n < turns; n++) {
      // From all over the town.
      const writer = Math.floor(((next++ % writers) * size.users) / writers)
      const replaces = last.get(writer)
      const began = performance.now()
      const accepted = await chat.accept(
        message('how are you?', { in: channelOf(writer), from: nameOf(writer), ...(replaces && { replaces }) }),
      )
      if (!('turn' in accepted)) throw new Error(accepted.status)
      await chat.settled(accepted.conversation, accepted.turn, 10_000)
      times.push(performance.now() - began)
      last.set(writer, accepted.turn)
    }
    return times
  }
}
