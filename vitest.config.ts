import { defineConfig } from 'vitest/config'

const folders = '{libs,services,tools}/**'
const integration = `${folders}/*.int.test.ts`

export default defineConfig({
  test: {
    // Servers and CPUs are shared: more processes at once make tests slower, not faster.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: [`${folders}/*.test.ts`],
          exclude: [integration, '**/node_modules/**', '**/dist/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: [integration, 'tests/**/*.test.ts'],
          exclude: ['tests/chart/**', '**/node_modules/**', '**/dist/**'],
          globalSetup: ['libs/testing/src/global-setup.ts'],
          // On a machine of somebody else's, one that other work takes the time from: what passes only
          // the second time is named at the end.
          retry: process.env.CI ? 1 : 0,
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'chart',
          include: ['tests/chart/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
