import { defineConfig } from 'vitest/config'

const slow = { testTimeout: 180_000, hookTimeout: 180_000 }
/** Benchmarks would run once in each project otherwise; one after the other, so that none disturbs another. */
const benchmark = { include: ['{agent,test}/**/*.bench.ts'] }
const noBench = { benchmark: { include: [] } }
/** Of each project: one second, as it is by itself, is little where other tests have the processors. */
const usual = { ...noBench, expect: { poll: { timeout: 15_000 } } }

/** What the boot tests stand on, tried without a boot. */
const DRIVER = ['test/image/terminal.test.ts', 'test/image/forgetful-disk.test.ts']

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          ...usual,
          include: [
            ...['{agent,web,image}/**/*.test.ts', 'test/*.test.ts', 'test/traffic/*.test.ts'],
            ...DRIVER,
            // What the bench against Suricata stands on.
            'test/bench/engine/*.test.ts',
          ],
          testTimeout: 20_000,
        },
      },
      { test: { name: 'fuzz', ...usual, include: ['test/fuzz/*.test.ts'], ...slow } },
      {
        test: {
          name: 'replay',
          ...usual,
          include: ['test/replay/*.test.ts', 'test/golden/*.test.ts'],
          ...slow,
        },
      },
      { test: { name: 'lake', ...usual, include: ['test/lake/*.test.ts'], ...slow } },
      { test: { name: 'breach', ...usual, include: ['test/breach/*.test.ts'], ...slow } },
      { test: { name: 'link', ...usual, include: ['test/link/*.test.ts'], ...slow } },
      {
        test: {
          name: 'demo',
          ...usual,
          include: ['test/demo/*.test.ts'],
          ...slow,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'browser',
          ...usual,
          include: ['test/browser/*.test.ts'],
          ...slow,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'cli',
          ...usual,
          include: ['test/cli/*.test.ts', 'test/box/*.test.ts'],
          ...slow,
        },
      },
      {
        test: {
          name: 'image',
          ...usual,
          include: [process.env.PICKET_IMAGE === 'all' ? 'test/image/*.test.ts' : 'test/image/quick.test.ts'], // biome-ignore format: one line
          exclude: DRIVER,
          testTimeout: 5_400_000, // a boot in software takes minutes, and some tests are five of them
          hookTimeout: 2_700_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 }, // the machine takes both cores: not beside tests that others time
        },
      },
      {
        test: {
          name: 'all',
          include: [],
          benchmark,
          ...slow,
          fileParallelism: false,
          // As Node runs them: through Vite each import is a call of a getter, in the middle of what is measured.
          experimental: { viteModuleRunner: false },
        },
      },
    ],
  },
})
