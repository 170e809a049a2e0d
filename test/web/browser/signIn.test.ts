import { expect, it } from 'vitest'
import { asked, describeBrowser, ready, signIn, site } from './support.ts'

describeBrowser('signing in and out', () => {
  const here = site()

  it('takes a demo user by one click', async () => {
    const page = await here.page('/login', { signedIn: false })
    await page.getByRole('button', { name: 'Use user' }).click()
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('user')
    await page.keyboard.press('Enter')
    await ready(page)
    expect(await page.locator('.account-name').innerText()).toBe('user')
  })

  it('says that the name or the password is wrong, and keeps the name', async () => {
    here.expectFaults(/status of 401/)
    const page = await here.page('/login', { signedIn: false })
    await signIn(page, here.url, '<i>nobody</i>', 'wrong')
    expect(await page.getByRole('alert').innerText()).toBe('The name or the password is not right.')
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('<i>nobody</i>')
    expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe('')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('password')
  })

  it('shows the password when asked to', async () => {
    const page = await here.page('/login', { signedIn: false })
    const password = page.getByLabel('Password', { exact: true })
    await password.fill('secret')
    await page.getByRole('button', { name: 'Show password' }).click()
    expect(await password.getAttribute('type')).toBe('text')
    await page.getByRole('button', { name: 'Show password' }).click()
    expect(await password.getAttribute('type')).toBe('password')
  })

  it('leads to where one wanted to go, and nowhere else', async () => {
    const inside = await here.page()
    const path = await asked(inside, 'Come back here')
    const page = await here.page(path, { signedIn: false })
    expect(new URL(page.url()).pathname).toBe('/login')
    await page.getByRole('button', { name: 'Use admin' }).click()
    await page.keyboard.press('Enter')
    await ready(page)
    expect(new URL(page.url()).pathname).toBe(path)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL('**/login')
    await page.goto(here.url + path)
    expect(new URL(page.url()).pathname).toBe('/login')
  })

  it('does it all by keyboard', async () => {
    const page = await here.page('/login', { signedIn: false })
    await page.keyboard.type('user')
    await page.keyboard.press('Tab')
    await page.keyboard.type('password')
    await page.keyboard.press('Enter')
    await ready(page)
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('message')
    await page.locator('.skip').focus()
    expect(await page.locator('.skip').boundingBox()).toMatchObject({ y: 0 })
    await page.keyboard.press('Enter')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('message')
    await page.keyboard.type('Typed without a mouse')
    await page.keyboard.press('Enter')
    await page.locator('.turn[data-state=done]').waitFor()
  })
})
