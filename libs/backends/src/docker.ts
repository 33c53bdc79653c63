import { MailxError } from '@mailx/errors/mailx-error'
import type { StartedTestContainer } from 'testcontainers'
import type { Backend, Say } from './backend.ts'
import type { FileInContainer } from './file-in-container.ts'
import { freePort } from './free-port.ts'

export type ContainerPlan = {
  readonly name: string
  readonly image: string
  /** Where the server listens inside. */
  readonly port: number
  readonly hostPort?: number | undefined
  readonly environment?: Readonly<Record<string, string>>
  /** In place of the image's own, which it has to call. */
  readonly entrypoint?: readonly string[] | undefined
  readonly command: readonly string[]
  readonly files?: readonly FileInContainer[]
  /** A command that succeeds inside; without one, the port answers. */
  readonly readyWhen?: string
  readonly dataDir?: string | undefined
  readonly mountedAt: string
  readonly urlOf: (host: string, port: number) => string
  readonly say: Say
}

/** Why no container can be started, or undefined when a Docker engine answers. */
export async function dockerProblem(): Promise<string | undefined> {
  const { getContainerRuntimeClient } = await import('testcontainers')
  try {
    await getContainerRuntimeClient()
    return undefined
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return `no Docker engine answers (${why})`
  }
}

/** Runs a server in a container, which testcontainers removes even when this process is killed. */
export async function startContainer(plan: ContainerPlan): Promise<Backend> {
  const { say, name, image } = plan
  say(`${name}: starting ${image} in Docker; the first time this downloads the image`)
  // A port of its own choice would be another one after a restart.
  const port = plan.hostPort ?? (await freePort())
  const container = await run(plan, port).catch((error: unknown) => {
    const why = error instanceof Error ? error.message.trim() : String(error)
    throw new MailxError('UNAVAILABLE', `${name}: ${image} does not start in Docker: ${why}`, {
      cause: error,
    })
  })
  say(`${name}: ready on port ${port} (${image} in Docker)`)
  return {
    url: plan.urlOf(addressOf(container), port),
    port,
    source: `${image} in Docker`,
    pid: undefined,
    async stop() {
      await container.stop()
    },
    async kill() {
      const { getContainerRuntimeClient } = await import('testcontainers')
      const engine = (await getContainerRuntimeClient()).container
      await engine.stop(engine.getById(container.getId()), { timeout: 0 })
    },
    restart: () => container.restart(),
  }
}

/** An engine of this machine is known as localhost; servers without Docker are at this address. */
function addressOf(container: StartedTestContainer): string {
  const host = container.getHost()
  return host === 'localhost' ? '127.0.0.1' : host
}

async function run(plan: ContainerPlan, hostPort: number): Promise<StartedTestContainer> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const { readyWhen } = plan
  const container = new GenericContainer(plan.image)
    .withExposedPorts({ container: plan.port, host: hostPort })
    .withCommand([...plan.command])
    .withEnvironment({ ...plan.environment })
    .withCopyContentToContainer([...(plan.files ?? [])])
    // Never by a line in the log: now and then one is missed by testcontainers, which waits for ever.
    .withWaitStrategy(
      readyWhen === undefined ? Wait.forListeningPorts() : Wait.forSuccessfulCommand(readyWhen),
    )
  if (plan.entrypoint !== undefined) container.withEntrypoint([...plan.entrypoint])
  if (plan.dataDir !== undefined) {
    container.withBindMounts([{ source: plan.dataDir, target: plan.mountedAt }])
  }
  return container.start()
}
