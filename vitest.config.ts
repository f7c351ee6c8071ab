import { defineConfig } from 'vitest/config'

const slow = { testTimeout: 180_000, hookTimeout: 180_000 }
/** Benchmarks would run once in each project otherwise; one after the other, so that none disturbs another. */
const benchmark = { include: ['{agent,test}/**/*.bench.ts'] }
const noBench = { benchmark: { include: [] } }

/** What the boot tests stand on, tried without a boot. */
const DRIVER = ['test/image/terminal.test.ts', 'test/image/forgetful-disk.test.ts']

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          ...noBench,
          include: [
            ...['{agent,web,image}/**/*.test.ts', 'test/*.test.ts', 'test/traffic/*.test.ts'],
            ...DRIVER,
            // What the bench against Suricata stands on.
            'test/bench/engine/*.test.ts',
          ],
          testTimeout: 20_000,
        },
      },
      { test: { name: 'fuzz', ...noBench, include: ['test/fuzz/*.test.ts'], ...slow } },
      {
        test: {
          name: 'replay',
          ...noBench,
          include: ['test/replay/*.test.ts', 'test/golden/*.test.ts'],
          ...slow,
        },
      },
      { test: { name: 'lake', ...noBench, include: ['test/lake/*.test.ts'], ...slow } },
      { test: { name: 'breach', ...noBench, include: ['test/breach/*.test.ts'], ...slow } },
      { test: { name: 'link', ...noBench, include: ['test/link/*.test.ts'], ...slow } },
      {
        test: {
          name: 'demo',
          ...noBench,
          include: ['test/demo/*.test.ts'],
          ...slow,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'browser',
          ...noBench,
          include: ['test/browser/*.test.ts'],
          ...slow,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'cli',
          ...noBench,
          include: ['test/cli/*.test.ts', 'test/box/*.test.ts'],
          ...slow,
        },
      },
      {
        test: {
          name: 'image',
          ...noBench,
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
