import type { Json, JsonObject } from '../../../src/types.ts'

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The objects of what should be a list. */
export const objectsIn = (value: Json | undefined): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : [])

export const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '')
