import { setTimeout as sleep } from 'node:timers/promises'
import type { Installation, InstallationQuery, InstallationStore } from '@slack/bolt'
import type { Vault } from '../../src/store.ts'
import type { Cipher } from './cipher.ts'
import type { Registry } from './index.ts'

/** Installations by key, decrypted. */
export interface Installations {
  read(key: string): Promise<Installation | null>
  write(key: string, installation: Installation): Promise<void>
  /** The same for one that somebody has just made, and not only a fresher token of it: the registry is told. */
  install(key: string, installation: Installation): Promise<void>
  remove(key: string): Promise<void>
  /** The keys of an organisation's single workspaces: its people are known by the organisation. */
  within(enterprise: string): Promise<string[]>
  lock: Vault['lock']
}

/** The key of an installation: of a whole organisation, or of one workspace. */
export function installationKey(of: { enterprise?: string; team?: string; orgWide: boolean }): string | undefined {
  return of.orgWide ? of.enterprise : of.team
}

const lockMs = 15_000

/** Installations, encrypted in the store's vault. */
export function createInstallations(vault: Vault, cipher: Cipher, registry?: Registry): Installations {
  const place = (key: string): string => `slack:${key}`
  const indexOf = (enterprise: string): string => `slack-within:${enterprise}`

  /** To the first key, so that an old one can be taken out of the list. Under the lock: a refresh may be under way. */
  async function encryptAnew(key: string): Promise<void> {
    const unlock = await vault.lock(place(key), lockMs)
    if (!unlock) return
    try {
      const encrypted = await vault.get(place(key))
      if (encrypted !== null && cipher.isStale(encrypted))
        await vault.set(place(key), cipher.encrypt(cipher.decrypt(encrypted, key), key))
    } finally {
      await unlock()
    }
  }

  async function within(enterprise: string): Promise<string[]> {
    return JSON.parse((await vault.get(indexOf(enterprise))) ?? '[]') as string[]
  }

  /** Under the lock: two may be installed at once. One that is removed again stays in the list, and is not found. */
  async function noteWithin(enterprise: string, key: string): Promise<void> {
    const index = indexOf(enterprise)
    if ((await within(enterprise)).includes(key)) return
    let unlock = await vault.lock(index, lockMs)
    for (; !unlock; unlock = await vault.lock(index, lockMs)) await sleep(50)
    try {
      await vault.set(index, JSON.stringify([...new Set([...(await within(enterprise)), key])]))
    } finally {
      await unlock()
    }
  }

  async function write(key: string, installation: Installation): Promise<void> {
    const { enterprise, isEnterpriseInstall } = installation
    if (enterprise && !isEnterpriseInstall) await noteWithin(enterprise.id, key)
    await vault.set(place(key), cipher.encrypt(JSON.stringify(installation), key))
  }

  return {
    within,
    async read(key) {
      const encrypted = await vault.get(place(key))
      if (encrypted === null) return null
      const installation = JSON.parse(cipher.decrypt(encrypted, key)) as Installation
      if (cipher.isStale(encrypted)) await encryptAnew(key)
      return installation
    },
    write,
    async install(key, installation) {
      await write(key, installation)
      await registry?.put(key, installation.team?.name ?? installation.enterprise?.name ?? key)
    },
    async remove(key) {
      await vault.delete(place(key))
      await registry?.drop(key)
    },
    lock: (key, ms) => vault.lock(place(key), ms),
  }
}

/** What Slack's install flow stores through. `changed` is told of every key that is not what it was. */
export function asInstallationStore(installations: Installations, changed: (key: string) => void): InstallationStore {
  const queried = (query: InstallationQuery<boolean>): string => {
    const { enterpriseId, teamId, isEnterpriseInstall } = query
    return demand(installationKey({ enterprise: enterpriseId, team: teamId, orgWide: isEnterpriseInstall }))
  }
  return {
    async storeInstallation(installation) {
      const key = demand(keyOf(installation as Installation))
      await installations.install(key, installation as Installation)
      changed(key)
    },
    async fetchInstallation(query) {
      const found = await installations.read(queried(query))
      if (!found) throw new Error('not installed')
      return found
    },
    async deleteInstallation(query) {
      const key = queried(query)
      await installations.remove(key)
      changed(key)
    },
  }
}

export function keyOf(installation: Installation): string | undefined {
  const { enterprise, team, isEnterpriseInstall = false } = installation
  return installationKey({
    ...(enterprise && { enterprise: enterprise.id }),
    ...(team && { team: team.id }),
    orgWide: isEnterpriseInstall,
  })
}

function demand(key: string | undefined): string {
  if (!key) throw new Error('an installation without a workspace')
  return key
}
