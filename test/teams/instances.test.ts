import { afterEach, expect, test } from 'vitest'
import { type Act, say, start } from '../support/bedrock.ts'
import { describeRedis } from '../support/redis.ts'
import { endpointOf, model, type Processes, startProcesses } from './processes.ts'

describeRedis('two processes on one Redis', () => {
  let processes: Processes | undefined
  afterEach(async () => {
    await processes?.close()
    processes = undefined
  })

  async function startTwo() {
    const world = await startProcesses(2)
    processes = world
    const [one, two] = world.apps.map(endpointOf) as [string, string]
    const answers = (conversation: string) => world.teams.screen(conversation).answers
    /** Nothing more comes, once they ended. */
    const end = async (): Promise<void> => {
      await world.teams.idle()
      for (const app of world.apps) expect(await app.stop()).toBe(0)
    }
    return { ...world, one, two, answers, end }
  }

  test('answer the same activity once, come it to both at the same time or again and again', async () => {
    const { teams, bedrock, one, two, answers, end } = await startTwo()
    teams.connect(one, two)
    const chats = [teams.personal.id, teams.group.id]
    for (const chat of chats) {
      const entities = [{ type: 'mention', text: '<at>Aide</at>', mentioned: teams.bot }]
      const activity = teams.activity(chat, { text: '<at>Aide</at> Go', entities })
      for (let time = 0; time < 3; time++)
        expect((await teams.deliverToAll(activity)).map(({ status }) => status)).toEqual([202, 202])
    }
    await teams.until(() => chats.every((chat) => answers(chat)[0]?.state === 'final'))
    await end()
    expect(chats.map((chat) => answers(chat).length)).toEqual([1, 1])
    expect(bedrock.requests.filter(({ modelId }) => modelId === model)).toHaveLength(2)
  })

  test('keep the order of one chat, whichever gets a message', async () => {
    const { teams, one, two, answers, end } = await startTwo()
    for (let index = 0; index < 4; index++) {
      teams.connect(index % 2 === 0 ? one : two)
      expect(await teams.say({ in: teams.group.id, text: `number ${index}` }).first).toMatchObject({ status: 202 })
    }
    await teams.until(() => answers(teams.group.id).length === 4)
    await end()
    const texts = answers(teams.group.id).map(({ text }) => text)
    expect(texts).toHaveLength(4)
    for (const [index, text] of texts.entries())
      expect(text).toContain(`“Ana Marsh: number ${index}”. Earlier messages: ${2 * index}.`)
  })

  test('stop an answer that the other one writes: by a word, by its button, by Teams’ own Stop', async () => {
    const { teams, bedrock, two, answers, end } = await startTwo()
    const chats = [teams.personal.id, teams.group.id, teams.bensPersonal.id] as const
    const [byWord, byButton, byTeams] = chats
    /** What comes between the halves of an answer that hangs then; an answer in a group is shown when it takes long. */
    const pauses: Act[] = [{ waitMs: 0 }, { waitMs: 6_500 }, { gate: 'stopped' }]
    for (const [index, chat] of chats.entries()) {
      bedrock.scriptFor(model, [start, ...say('Half an '), pauses[index]!, ...say('answer'), { hang: true }])
      const before = bedrock.requests.length
      await teams.say({ in: chat, text: 'Go' }).first
      await teams.until(() => bedrock.requests.length > before)
    }
    teams.connect(two)
    await teams.until(() => chats.every((chat) => answers(chat)[0]?.text.startsWith('Half')))
    await teams.say({ in: byWord, text: 'stop' }).first
    await teams.press(answers(byButton)[0]!.id, 'Stop').outcome
    teams.stop(byTeams)
    bedrock.open('stopped')
    await teams.until(() => answers(byWord)[0]?.state === 'final' && answers(byButton)[0]?.buttons[0]?.title !== 'Stop')
    await Promise.all(bedrock.requests.filter(({ modelId }) => modelId === model).map(({ over }) => over))
    await end()
    const again = { title: 'Answer again' }
    expect(answers(byWord)).toMatchObject([{ text: 'Half an answer\n\n*Stopped.*', buttons: [again] }])
    expect(answers(byButton)).toMatchObject([{ text: 'Half an answer\n\n*Stopped.*', buttons: [again] }])
    expect(answers(byTeams)).toMatchObject([{ text: 'Half an ', state: 'stopped' }])
  })
})
