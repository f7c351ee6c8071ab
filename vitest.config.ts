import { defineConfig } from 'vitest/config'

const slow = { testTimeout: 180_000, hookTimeout: 180_000 }

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{agent,web}/**/*.test.ts', 'test/*.test.ts', 'test/traffic/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      { test: { name: 'fuzz', include: ['test/fuzz/*.test.ts'], ...slow } },
      {
        test: {
          name: 'replay',
          include: ['test/replay/*.test.ts', 'test/golden/*.test.ts'],
          ...slow,
        },
      },
      { test: { name: 'lake', include: ['test/lake/*.test.ts'], ...slow } },
      { test: { name: 'breach', include: ['test/breach/*.test.ts'], ...slow } },
      { test: { name: 'link', include: ['test/link/*.test.ts'], ...slow } },
      { test: { name: 'demo', include: ['test/demo/*.test.ts'], ...slow, fileParallelism: false } },
      {
        test: {
          name: 'browser',
          include: ['test/browser/*.test.ts'],
          ...slow,
          fileParallelism: false,
        },
      },
      { test: { name: 'cli', include: ['test/cli/*.test.ts'], ...slow } },
    ],
  },
})
