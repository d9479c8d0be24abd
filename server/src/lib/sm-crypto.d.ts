declare module 'sm-crypto' {
  const smCrypto: { sm3(text: string): string }
  export default smCrypto
}
