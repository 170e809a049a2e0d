import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Many files start servers of their own (Redis, Chromium): more workers than this only make them wait for each other.
    maxWorkers: 2,
    // Room for a slow machine. Tests wait for conditions, so a passing one never takes this long.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default'],
  },
})
