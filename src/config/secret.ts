import { inspect } from 'node:util'

const hidden = '[secret]'

/** A value that shows itself only to code that asks for it: every way of printing it prints `[secret]`. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value itself. Hand it to what needs it, and to nothing that prints. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return hidden
  }

  toJSON(): string {
    return hidden
  }

  [inspect.custom](): string {
    return hidden
  }
}
