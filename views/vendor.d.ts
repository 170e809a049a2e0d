/** The browser's libraries by their path on the page; which file of which package that is says `vendor.json`. */
declare module '*/vendor/marked/marked.esm.js' {
  export * from 'marked'
}
/** Half the size of its ES module, and sets a global instead. */
declare module '*/vendor/dompurify/purify.min.js' {}
declare var DOMPurify: typeof import('dompurify').default
declare module '*/vendor/highlight/core.js' {
  interface Highlighter {
    registerLanguage(name: string, grammar: unknown): void
    getLanguage(name: string): object | undefined
    highlight(code: string, options: { language: string; ignoreIllegals?: boolean }): { value: string }
  }
  const highlighter: Highlighter
  export default highlighter
}
