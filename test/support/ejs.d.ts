/** What the tests use of EJS, which brings no types of its own. */
declare module 'ejs' {
  const ejs: { renderFile(path: string, locals: object): Promise<string> }
  export default ejs
}
