import { marked } from 'marked'
import { createMarkdown } from '../../views/assets/markdown.js'

/** Markdown to HTML that is safe to put on a page: the page's own renderer, so that one without scripts shows the same. */
export const renderMarkdown = createMarkdown({ marked })
