import { describe } from 'vitest'
import { personalContract } from './contracts/personal.ts'
import { sqliteOpener } from './support/sqlite.ts'

describe('what is kept about people, over SQLite', () => personalContract(sqliteOpener()))
