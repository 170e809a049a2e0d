import { marked } from 'marked'

interface MarkdownModule {
  createMarkdown(parts: { marked: unknown }): (text: string) => string
}

// The page's own renderer, so that a page without scripts shows the same. It is plain JavaScript for the browser, which
// the type checker is not to follow from here.
const file = new URL('../../views/assets/markdown.js', import.meta.url).href
const { createMarkdown }: MarkdownModule = await import(file)

/** Markdown to HTML that is safe to put on a page. */
export const renderMarkdown = createMarkdown({ marked })
