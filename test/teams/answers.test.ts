import { expect, test } from 'vitest'
import { aMoment, cleanUp, saying, startWorld } from './world.ts'

cleanUp()

test('a personal chat is answered by a stream that becomes one labelled message', async () => {
  const { teams, model, settled } = await startWorld()
  const seen = new Set<string>()
  const text = 'One two three four five six seven eight nine ten'
  model.script = saying(text, 4, async (piece) => {
    await teams.until(() => teams.screen(teams.personal.id).answers[0]?.state === 'streaming')
    seen.add(teams.screen(teams.personal.id).answers[0]!.text)
    await aMoment()
    return piece
  })
  await teams.say({ in: teams.personal.id, text: 'Count' }).first
  await settled()
  const { answers, streaming } = teams.screen(teams.personal.id)
  expect(answers).toMatchObject([{ text, state: 'final', aiLabel: true, feedback: true, buttons: [] }])
  expect(streaming).toBe(false)
  expect(seen.size).toBeGreaterThan(1)
})

test('a group is answered by one message', async () => {
  const { teams, settled, logged } = await startWorld()
  console.log(await teams.say({ in: teams.group.id, text: 'Hello' }).first)
  await settled()
  console.log(logged('warn'), logged('info'), logged('error'), teams.calls)
  const { answers } = teams.screen(teams.group.id)
  expect(answers).toMatchObject([{ text: 'You said: Hello', state: 'final', aiLabel: true, feedback: true }])
})
