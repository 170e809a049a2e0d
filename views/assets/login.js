/** The sign-in page: demo users fill the form, and the password can be looked at. The form works without any of it. */

const username = /** @type {HTMLInputElement} */ (document.getElementById('username'))
const password = /** @type {HTMLInputElement} */ (document.getElementById('password'))
const submit = /** @type {HTMLButtonElement} */ (document.querySelector('#login button[type=submit]'))
const reveal = /** @type {HTMLButtonElement} */ (document.getElementById('reveal'))

reveal.hidden = false
reveal.addEventListener('click', () => {
  const shown = password.type === 'password'
  password.type = shown ? 'text' : 'password'
  reveal.setAttribute('aria-pressed', String(shown))
})

for (const button of document.querySelectorAll('button[data-name]')) {
  if (!(button instanceof HTMLButtonElement)) continue
  button.hidden = false
  button.addEventListener('click', () => {
    username.value = button.dataset.name ?? ''
    password.value = button.dataset.password ?? ''
    submit.focus()
  })
}

export {}
