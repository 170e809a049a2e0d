/** The page's own modules that the server uses too. They are plain JavaScript, for the browser. */
declare module '*/views/assets/markdown.js' {
  export function createMarkdown(parts: { marked: unknown }): (text: string) => string
}
