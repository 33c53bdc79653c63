import type { CrashPoint } from '@mailx/config/crash-at'
import type { ServiceName } from '@mailx/dev-tool/deployment'
import { killProcess, type ServiceProcess } from '@mailx/dev-tool/service-process'
import { type Domain, processOf, type Rig } from './rig.ts'

/** Under load a process comes by every point of its own within moments. */
export const REACHED_WITHIN_MS = 60_000
const STARTS = 3

/**
 * Starts a service again with a switch that ends or stops it at a point, and resolves when it is there;
 * `isThere` waits for that, REACHED_WITHIN_MS at most. Some points a process comes by with its first
 * append alone, and not when that is a repeat: then it is started once more.
 */
export async function bringToPoint(
  rig: Rig,
  { domain, name }: { readonly domain: Domain; readonly name: ServiceName },
  point: CrashPoint,
  mode: string,
  isThere: (armed: ServiceProcess) => Promise<boolean>,
): Promise<ServiceProcess> {
  const env = { MAILX_CRASH_AT: `${point}:${mode}` }
  for (let start = 1; start <= STARTS; start += 1) {
    await killProcess(processOf(rig, domain, name))
    const armed = rig.deployment(domain).revive(processOf(rig, domain, name), { env })
    if (await isThere(armed)) return armed
  }
  await killProcess(processOf(rig, domain, name))
  throw new Error(`${name} of ${domain} did not come by ${point}`)
}
