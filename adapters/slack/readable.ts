import type { Names } from './names.ts'

/** Slack's marked-up text as a person reads it. `<…>` is Slack's own; what people type comes as `&lt;…&gt;`. */
const token = /<([@#!])?([^<>|]+)(?:\|([^<>]*))?>/g

/** So many names are looked up for one text. */
const lookUps = 30

/** With the names of the people and channels in it, asking Slack for those that are not known. */
export async function readable(text: string, install: string, names: Names): Promise<string> {
  const wanted = new Set<string>()
  for (const [, kind, id = '', label] of text.matchAll(token))
    if ((kind === '@' || kind === '#') && !label && wanted.size < lookUps) wanted.add(kind + id)
  await Promise.all(
    Array.from(wanted, (one) =>
      one[0] === '@' ? names.person(install, one.slice(1)) : names.channel(install, one.slice(1)),
    ),
  )
  return readableNow(text, install, names)
}

/** With the names that are known. */
export function readableNow(text: string, install: string, names: Names): string {
  return unescapeText(
    text.replace(token, (whole: string, kind: string | undefined, id: string, label: string | undefined) => {
      if (kind === '@') return `@${label || names.known.person(install, id) || id}`
      if (kind === '#') return `#${label || names.known.channel(install, id) || id}`
      if (kind === '!') return broadcast(id, label)
      if (!/^[a-z][a-z0-9+.-]*:/i.test(id)) return whole
      const bare = id.replace(/^(mailto|tel):/, '')
      return !label || label === bare || label === id ? bare : `[${label}](${id})`
    }),
  )
}

function broadcast(id: string, label: string | undefined): string {
  if (label) return label
  const [name = ''] = id.split('^')
  return `@${name}`
}

export function unescapeText(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
