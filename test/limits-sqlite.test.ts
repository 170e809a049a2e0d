import { describe } from 'vitest'
import { limitsContract } from './contracts/limits.ts'
import { sqliteOpener } from './support/sqlite.ts'

describe('limits over SQLite', () => limitsContract(sqliteOpener()))
