/** The name of a domain's key log, and of the keys that sign its checkpoints. */
export const keyLogOrigin = (domain: string): string => `${domain}/mailx-kt/1`
