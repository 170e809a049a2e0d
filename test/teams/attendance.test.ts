import { describe, expect, test, vi } from 'vitest'
import type { JsonObject } from '../../src/types.ts'
import { startPeople } from './people.ts'
import { cleanUp, type WorldOptions } from './world.ts'

cleanUp()

/** Ana and Ben, who both wrote in a thread of the team's channel and in the group. */
async function startTwo(options: WorldOptions = {}) {
  const world = await startPeople(options)
  const { teams } = world
  await world.says(teams.projects.id, 'About the project', teams.ben.id)
  await world.says(teams.group.id, 'About lunch', teams.ben.id)
  const ben = await world.userOf(teams.ben)
  /** What Ben sees: `channel`, `group` or both. */
  const seen = async (): Promise<string[]> =>
    (await world.listOf(ben))
      .map(({ audience }) => (audience?.endsWith(teams.team.id) ? 'channel' : 'group'))
      .toSorted()
  const happens = async (delivery: { first: Promise<unknown> }): Promise<void> => {
    await delivery.first
    await world.settled()
  }
  return { ...world, ben, seen, happens }
}

describe('who leaves', () => {
  test('a team sees nothing more of any of its channels, and all of it again when they come back', async () => {
    const { teams, seen, happens } = await startTwo()
    expect(await seen()).toEqual(['channel', 'group'])
    await happens(teams.leave(teams.general.id, teams.ben.id))
    expect(await seen()).toEqual(['group'])
    await happens(teams.join(teams.general.id, teams.ben.id))
    expect(await seen()).toEqual(['channel', 'group'])
  })

  test('a group sees nothing more of it, and others still do', async () => {
    const { teams, says, seen, happens, listOf, userOf } = await startTwo()
    await says(teams.group.id, 'Me too', teams.ana.id)
    await happens(teams.leave(teams.group.id, teams.ben.id))
    expect(await seen()).toEqual(['channel'])
    expect(await listOf(await userOf(teams.ana))).toHaveLength(1)
  })

  test('is known although Teams tells no object id of theirs, by another instance too', async () => {
    const { teams, seen, happens, another } = await startTwo()
    teams.connect((await another()).url)
    const leave = (members: JsonObject[]) =>
      teams.postActivity(
        teams.activity(teams.group.id, { type: 'conversationUpdate', membersRemoved: members }, teams.ana),
      )
    await happens({ first: leave([{ id: teams.ben.id }]) })
    expect(await seen()).toEqual(['channel'])
  })

  test('and writes there is there again, whatever was told', async () => {
    const { teams, says, seen, happens } = await startTwo()
    await happens(teams.leave(teams.group.id, teams.ben.id))
    await says(teams.group.id, 'Still here', teams.ben.id)
    expect(await seen()).toEqual(['channel', 'group'])
  })

  test('stays away when what they wrote before comes late', async () => {
    const { teams, seen, happens } = await startTwo()
    const late = teams.activity(
      teams.group.id,
      {
        text: `<at>${teams.bot.name}</at> One more`,
        entities: [{ type: 'mention', text: `<at>${teams.bot.name}</at>`, mentioned: teams.bot }],
        timestamp: new Date(Date.now() - 60_000).toISOString(),
      },
      teams.ben,
    )
    await happens(teams.leave(teams.group.id, teams.ben.id))
    await happens({ first: teams.postActivity(late) })
    expect(teams.screen(teams.group.id).answers).toHaveLength(2)
    expect(await seen()).toEqual(['channel'])
  })

  test('and came back stays, when the leaving is told late', async () => {
    const { teams, seen, happens } = await startTwo()
    const gone = teams.activity(teams.group.id, {
      type: 'conversationUpdate',
      membersRemoved: [{ id: teams.ben.id, aadObjectId: teams.ben.aadObjectId }],
      timestamp: new Date(Date.now() - 60_000).toISOString(),
    })
    await happens(teams.join(teams.group.id, teams.ben.id))
    await happens({ first: teams.postActivity(gone) })
    expect(await seen()).toEqual(['channel', 'group'])
  })

  test('while the store fails is told again by Teams until it is known', async () => {
    const { teams, app, seen } = await startTwo({ redeliver: false })
    vi.spyOn(app.instance.chat, 'attends').mockRejectedValueOnce(new Error('down'))
    const left = teams.leave(teams.group.id, teams.ben.id)
    expect((await left.first).status).toBeGreaterThanOrEqual(500)
    expect((await teams.redeliver(left)).status).toBe(202)
    expect(await seen()).toEqual(['channel'])
  })
})

test('whoever goes on writing costs no more than one note', async () => {
  const { teams, app, says } = await startTwo()
  const attends = vi.spyOn(app.instance.chat, 'attends')
  await says(teams.group.id, 'And again', teams.ben.id)
  await says(teams.personal.id, 'Only us')
  expect(attends).not.toHaveBeenCalled()
})
