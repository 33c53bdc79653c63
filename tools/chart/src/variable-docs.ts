import { readFileSync } from 'node:fs'
import ts from 'typescript'

/** The doc comments of the variables in a config.ts, by variable, each as one paragraph. */
export function variableDocs(file: string): ReadonlyMap<string, string> {
  const docs = new Map<string, string>()
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest)
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) {
      const comment = docOf(node, source)
      if (comment !== undefined) docs.set(node.name.text, comment)
    }
    node.forEachChild(visit)
  }
  visit(source)
  return docs
}

function docOf(node: ts.Node, source: ts.SourceFile): string | undefined {
  const ranges = ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? []
  const texts = ranges.map(({ pos, end }) => source.text.slice(pos, end))
  const doc = texts.findLast((text) => text.startsWith('/**'))
  return doc
    ?.replace(/^\/\*\*|\*\/$/g, '')
    .replace(/^\s*\*/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
