import type { Json, JsonObject } from '../../../src/types.ts'
import { badArgument } from './connector/call.ts'
import { isObject, objectsIn, textOf } from './json.ts'

/** The newest version of Adaptive Cards that Teams shows; of a newer one only its `fallbackText` is seen. */
const newest = 1.5

const containers = new Set(['Container', 'ColumnSet', 'Column', 'Table', 'TableRow', 'TableCell', 'ActionSet'])
const leaves = new Set(['TextBlock', 'RichTextBlock', 'FactSet', 'Image', 'ImageSet', 'Media', 'CodeBlock'])
const inputs = new Set(['Text', 'Number', 'Date', 'Time', 'Toggle', 'ChoiceSet'].map((name) => `Input.${name}`))
const actions = new Set(
  ['Submit', 'Execute', 'OpenUrl', 'ShowCard', 'ToggleVisibility'].map((name) => `Action.${name}`),
)

/** Teams shows nothing, or less, of a card that breaks these; the stand-in refuses it. */
export function checkAdaptiveCard(card: JsonObject): void {
  if (card.type !== 'AdaptiveCard') throw badArgument('The card is no AdaptiveCard')
  if (!/^\d+\.\d+$/.test(textOf(card.version))) throw badArgument('The card has no version')
  if (!Array.isArray(card.body) && !Array.isArray(card.actions)) throw badArgument('The card is empty')
  for (const element of childrenOf(card)) checkElement(element)
  if (objectsIn(card.actions).length > 6) throw badArgument('A card shows six actions')
  for (const action of objectsIn(card.actions)) checkAction(action)
}

function checkElement(element: JsonObject): void {
  const type = textOf(element.type)
  if (!containers.has(type) && !leaves.has(type) && !inputs.has(type))
    throw badArgument(`The card has an unknown element ${type}`)
  if (inputs.has(type) && textOf(element.id) === '') throw badArgument(`${type} needs an id`)
  if ((type === 'TextBlock' && typeof element.text !== 'string') || (type === 'Image' && !textOf(element.url)))
    throw badArgument(`${type} is empty`)
  if (type === 'Table') checkTable(element)
  if (type === 'Media' && objectsIn(element.sources).some((source) => !textOf(source.mimeType)))
    throw badArgument('Media without mimeType loses the whole card')
  for (const action of objectsIn(element.actions)) checkAction(action)
  for (const child of childrenOf(element)) checkElement(child)
}

function checkTable(table: JsonObject): void {
  const width = objectsIn(table.columns).length
  if (width === 0) throw badArgument('A Table needs columns')
  for (const row of objectsIn(table.rows)) {
    if (row.type !== 'TableRow') throw badArgument('The rows of a Table are of type TableRow')
    const cells = objectsIn(row.cells)
    if (cells.some((cell) => cell.type !== 'TableCell')) throw badArgument('The cells of a Table are of type TableCell')
    if (cells.length > width) throw badArgument('A row of a Table has more cells than there are columns')
  }
}

function checkAction(action: JsonObject): void {
  if (!actions.has(textOf(action.type))) throw badArgument(`The card has an unknown action ${textOf(action.type)}`)
  if (textOf(action.title) === '' && !action.iconUrl) throw badArgument('An action needs a title')
  if (action.type === 'Action.Execute' && textOf(action.verb) === '') throw badArgument('Action.Execute needs a verb')
  if (action.type === 'Action.OpenUrl' && !/^https?:/.test(textOf(action.url)))
    throw badArgument('Action.OpenUrl needs a url')
  if (action.type === 'Action.ShowCard' && isObject(action.card)) checkAdaptiveCard(action.card)
}

function childrenOf(element: JsonObject): JsonObject[] {
  const keys = ['body', 'items', 'columns', 'rows', 'cells'] as const
  // The columns of a Table are measures; those of a ColumnSet are elements.
  return keys
    .filter((key) => !(element.type === 'Table' && key === 'columns'))
    .flatMap((key) => objectsIn(element[key]))
}

/** A button on a card, as a person may press it. */
export interface CardButton {
  title: string
  action: JsonObject
}

export interface CardView {
  /** What can be read, line by line; cells of a table with ` | ` between them. */
  text: string
  buttons: CardButton[]
  /** The fields by their ids. */
  inputs: string[]
}

/** A card as a person sees it in Teams. */
export function viewCard(card: JsonObject): CardView {
  if (Number(textOf(card.version)) > newest) return { text: textOf(card.fallbackText), buttons: [], inputs: [] }
  const buttons: CardButton[] = []
  const fields: string[] = []
  const lines = childrenOf(card).flatMap((element) => view(element, buttons, fields))
  buttons.push(...objectsIn(card.actions).map(buttonOf))
  return { text: lines.join('\n'), buttons, inputs: fields }
}

const buttonOf = (action: JsonObject): CardButton => ({ title: textOf(action.title), action })

function view(element: JsonObject, buttons: CardButton[], fields: string[]): string[] {
  if (element.isVisible === false) return []
  buttons.push(...objectsIn(element.actions).map(buttonOf))
  const type = textOf(element.type)
  if (inputs.has(type)) {
    fields.push(textOf(element.id))
    return textOf(element.label) ? [textOf(element.label)] : []
  }
  const inside = (): string[] => childrenOf(element).flatMap((child) => view(child, buttons, fields))
  switch (type) {
    case 'TextBlock':
      return [textOf(element.text)]
    case 'CodeBlock':
      return [textOf(element.codeSnippet)]
    case 'RichTextBlock':
      return [(Array.isArray(element.inlines) ? element.inlines : []).map(inlineText).join('')]
    case 'FactSet':
      return objectsIn(element.facts).map((fact) => `${textOf(fact.title)}: ${textOf(fact.value)}`)
    case 'Image':
      // SVG does not render.
      return /\.svg($|\?)|^data:image\/svg/.test(textOf(element.url)) ? [] : [textOf(element.altText)]
    case 'TableRow':
      return [
        objectsIn(element.cells)
          .map((cell) => view(cell, buttons, fields).join(' '))
          .join(' | '),
      ]
    default:
      return inside()
  }
}

const inlineText = (inline: Json): string => (isObject(inline) ? textOf(inline.text) : textOf(inline))
