import { describe } from 'vitest'
import { adminContract } from './contracts/admin.ts'
import { sqliteOpener } from './support/sqlite.ts'

describe('administration over SQLite', () => adminContract(sqliteOpener()))
