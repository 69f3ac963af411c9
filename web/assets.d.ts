// Vite: the URL under which a file is served.
declare module '*?url' {
  const url: string
  export default url
}
