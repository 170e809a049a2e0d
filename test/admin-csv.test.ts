import { expect, test } from 'vitest'
import { csvLine } from '../src/admin/csv.ts'

test.each([
  ['plain', 'plain'],
  ['', ''],
  [undefined, ''],
  [12.5, '12.5'],
  [-1, '-1'],
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', '"two\nlines"'],
  ['=1+1', "'=1+1"],
  ['+49 30', "'+49 30"],
  ['-2', "'-2"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t=1"],
  [' =1', "' =1"],
  ['\r=1', `"'\r=1"`],
  ['＝1', "'＝1"],
  ['a=b', 'a=b'],
  ['Jürgen', 'Jürgen'],
])('%j in a line of CSV is %j', (cell, written) => {
  expect(csvLine([cell, 'next'])).toBe(`${written},next\r\n`)
})
