/** The URL with the password of its user in it. */
export function withPassword(url: string, password: string | undefined): string {
  if (password === undefined) return url
  const whole = new URL(url)
  whole.password = encodeURIComponent(password)
  return whole.href
}
