import { expect, test } from 'vitest'
import { scramVerifier } from './scram-verifier.ts'

// The exchange of RFC 7677, section 3: user "user", password "pencil".
test('a verifier holds the keys of the published example', () => {
  const published = 'W22ZaJ0SNY7soEsUEjb6gQ=='
  const salt = Buffer.from(published, 'base64')
  expect(scramVerifier('pencil', salt)).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  )
})
