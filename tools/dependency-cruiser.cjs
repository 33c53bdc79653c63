// The one-way rule: tests → services → libs with effects → pure libs → proto. Nothing points back,
// nothing sideways between services. Run it by tools/one-way-rule.mjs, which sees to it that it
// has really looked at something.

const pure = 'address|crypto|delivery|envelope|errors|events|json|keys|merkle|privileges|statement'

// Each may import those of the lines above it, and none of its own line.
const effects = [
  ['config', 'telemetry'],
  ['grpc', 'cache'],
  ['event-log'],
  ['messaging'],
  ['processors'],
  ['federation'],
  ['client'],
  ['runtime'],
]

// What a package needs for its own tests and measurements is not part of it.
const tests =
  '\\.(test|fixture)\\.ts$|/test-[^/]+\\.ts$|^(libs|services)/[^/]+/(src/)?(testing|bench)/'
const production = { pathNot: tests }
const own = (...folders) => `^(${folders.join('|')})/`
const lib = (...names) => `^libs/(${names.join('|')})/`

const inOrder = effects.flatMap((line, at) =>
  line.map((name) => ({
    name: `libs-${name}-looks-down-only`,
    comment: `libs/${name} may import: ${[...effects.slice(0, at).flat(), 'the pure libs'].join(', ')}`,
    severity: 'error',
    from: { path: lib(name), ...production },
    to: {
      path: lib(
        ...effects
          .slice(at)
          .flat()
          .filter((other) => other !== name),
      ),
    },
  })),
)

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'own-imports-resolve',
      comment: 'An import that leads nowhere would slip past every other rule.',
      severity: 'error',
      from: {},
      to: { path: '^(@mailx/|\\.)', couldNotResolve: true },
    },
    {
      name: 'proto-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^proto/' },
      to: { path: own('libs', 'services', 'tests', 'tools') },
    },
    {
      name: 'libs-know-no-service',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: own('services', 'tests', 'tools') },
    },
    {
      name: 'pure-libs-have-no-effects',
      comment:
        'Pure libs import each other, proto, libsodium in crypto alone, and IDNA in address alone.',
      severity: 'error',
      from: { path: lib(pure), pathNot: `${tests}|^libs/crypto/src/sodium|^libs/address/src/idna` },
      to: { pathNot: `${lib(pure)}|^proto/gen/` },
    },
    {
      name: 'only-crypto-knows-libsodium',
      severity: 'error',
      from: { pathNot: `^libs/crypto/src/|${tests}` },
      to: { path: '(^|/)(sodium-native|libsodium)' },
    },
    ...inOrder,
    {
      name: 'only-tests-and-tools-start-servers',
      severity: 'error',
      from: {
        path: own('libs', 'services'),
        pathNot: `${tests}|^libs/(testing|backends)/`,
      },
      to: { path: lib('testing', 'backends') },
    },
    {
      name: 'nothing-leans-on-test-code',
      severity: 'error',
      from: { path: own('libs', 'services'), pathNot: `${tests}|^libs/testing/` },
      to: { path: tests },
    },
    {
      name: 'services-are-islands',
      comment: 'all-in-one alone may reach another service, and only its service.ts and config.ts.',
      severity: 'error',
      from: { path: '^services/([^/]+)/', pathNot: '^services/all-in-one/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'services-have-two-doors',
      severity: 'error',
      from: {
        path: own('services/all-in-one', 'tests', 'tools/bench', 'tools/chart', 'tools/dev'),
      },
      to: {
        path: '^services/',
        pathNot: '^services/([^/]+/src/(service|config)\\.ts$|all-in-one/)',
      },
    },
    {
      name: 'tools-leave-services-alone',
      severity: 'error',
      from: { path: '^tools/', pathNot: '^tools/(bench|chart|dev)/' },
      to: { path: '^services/' },
    },
    {
      name: 'deciders-are-pure',
      severity: 'error',
      from: { path: '^services/[^/]+/src/deciders/', ...production },
      to: { pathNot: `${lib(pure)}|^proto/gen/|^services/[^/]+/src/deciders/` },
    },
    {
      name: 'projections-know-nothing-of-their-service',
      severity: 'error',
      from: { path: '^services/([^/]+)/src/projections/', ...production },
      to: { path: '^services/', pathNot: '^services/$1/src/projections/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^proto/gen/google|/dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
}
