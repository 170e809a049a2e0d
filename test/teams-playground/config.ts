/** The little world of the Playground: ids in the form of real ones, because the bot takes no others. */

const guid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

function person(number: number, givenName: string, surname: string) {
  const email = `${givenName}.${surname}@contoso.example`.toLowerCase()
  return {
    id: `29:1playground-${givenName.toLowerCase()}`,
    name: `${givenName} ${surname}`,
    // Spelled so by the Playground.
    userPrincipleName: email,
    aadObjectId: guid(number),
    givenName,
    surname,
    email,
  }
}

/** `.m365agentsplayground.yml`, which takes JSON too. It wants five more people, one more channel, and unique ids. */
export const config = {
  version: '0.1.1',
  tenantId: guid(1),
  bot: { id: `28:${guid(2)}`, name: 'Aide' },
  currentUser: person(11, 'Ana', 'Marsh'),
  users: [
    person(12, 'Ben', 'Okafor'),
    person(13, 'Chloe', 'Stein'),
    person(14, 'Dan', 'Ito'),
    person(15, 'Eva', 'Ruiz'),
    person(16, 'Finn', 'Berg'),
  ],
  personalChat: { id: 'a:1playground-personal' },
  groupChat: { id: '19:playgroundgroup@thread.v2', name: 'Lunch' },
  team: {
    id: '19:playgroundteam@thread.tacv2',
    name: 'Field Office',
    aadGroupId: guid(3),
    // Beside General, which every team has.
    channels: [{ id: '19:playgroundprojects@thread.tacv2', name: 'Projects' }],
  },
}
