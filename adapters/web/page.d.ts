/** The page's own modules that the server uses too. They are plain JavaScript, for the browser. */
declare module '*/views/assets/markdown.js' {
  export function escapeHtml(text: string): string
  export function createMarkdown(parts: { marked: unknown }): (text: string) => string
}
