import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { firstCommandsOf, isRegistered, metricsOf, pages, pageText } from './pages.ts'

const folder = join(import.meta.dirname, '..', '..', 'docs', 'runbooks')

test('every page says what it means, what to do first and when it is over', () => {
  expect(pages().length).toBeGreaterThan(20)
  for (const page of pages()) {
    expect(pageText(page)).toMatch(
      /^# .+\n\nAlert: .+\n\n[^]+\n## First\n\n[^]+\n## Then\n\n1\. [^]+\n## Over when\n\n.+\n$/,
    )
    expect(firstCommandsOf(page).length).toBeGreaterThan(0)
  }
})

test('pages name only metrics and pages that there are', () => {
  const unknown = pages()
    .flatMap(metricsOf)
    .filter((name) => !isRegistered(name))
  expect(unknown).toEqual([])
  const links = pages().flatMap((page) =>
    [...pageText(page).matchAll(/\]\(([^)]+)\)/g)].map(([, to = '']) => to),
  )
  expect(links.filter((to) => !existsSync(join(folder, to)))).toEqual([])
})
