import type { Dashboard } from './dashboard.ts'
import { capacity } from './dashboards/capacity.ts'
import { federation } from './dashboards/federation.ts'
import { fleet } from './dashboards/fleet.ts'
import { journey } from './dashboards/journey.ts'
import { servers } from './dashboards/servers.ts'
import { services } from './dashboards/services.ts'

export const dashboards: readonly Dashboard[] = [
  fleet,
  services,
  servers,
  federation,
  journey,
  capacity,
]
