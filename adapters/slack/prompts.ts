/** What stands ready to be asked in an empty chat. Slack takes four. */
export const prompts = [
  { title: 'What can you do?', message: 'What can you help me with?' },
  { title: 'Draft a message', message: 'Help me to write a short, friendly message to my team.' },
  { title: 'Explain something', message: 'Explain something to me in simple words. Ask me first what it is.' },
  { title: 'Improve a text', message: 'Help me to improve a text. Ask me for it first.' },
]
