declare module 'sodium-native' {
  const binding: unknown
  export default binding
}
