// The part of the WebAssembly JavaScript interface (https://webassembly.github.io/spec/js-api/) that the host uses.
// Neither the ECMAScript library nor the types of Node declare it; where the DOM library is present it is not included.
declare namespace WebAssembly {
  type ExportValue = ((...args: never) => unknown) | Global | Memory | Table
  type Exports = Record<string, ExportValue>
  type ImportValue = ExportValue | number
  type Imports = Record<string, Record<string, ImportValue>>

  interface ModuleExportDescriptor {
    readonly name: string
    readonly kind: 'function' | 'global' | 'memory' | 'table' | 'tag'
  }

  interface ModuleImportDescriptor extends ModuleExportDescriptor {
    readonly module: string
  }

  class Module {
    constructor(bytes: ArrayBuffer | ArrayBufferView<ArrayBuffer>)
    static exports(module: Module): ModuleExportDescriptor[]
    static imports(module: Module): ModuleImportDescriptor[]
    static customSections(module: Module, name: string): ArrayBuffer[]
  }

  class Instance {
    constructor(module: Module, imports?: Imports)
    readonly exports: Exports
  }

  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean })
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }

  class Table {
    readonly length: number
  }

  class Global {
    value: unknown
    valueOf(): unknown
  }

  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  function compile(bytes: ArrayBuffer | ArrayBufferView<ArrayBuffer>): Promise<Module>
  function instantiate(module: Module, imports?: Imports): Promise<Instance>
  function instantiate(
    bytes: ArrayBuffer | ArrayBufferView<ArrayBuffer>,
    imports?: Imports,
  ): Promise<{ module: Module; instance: Instance }>
  function validate(bytes: ArrayBuffer | ArrayBufferView<ArrayBuffer>): boolean
}
