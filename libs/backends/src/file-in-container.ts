/** A text, and the path that it gets in a container. */
export type FileInContainer = { readonly content: string; readonly target: string }
