/** What a test asks a running box, one connection a question: the box may be killed between any two. */
import { AgentClient, type SiteStatus } from '../../agent/control/agent-client.ts'
import { type LakeClient, lakeClient } from '../../agent/control/lake-client.ts'
import { connect } from '../../agent/control/rpc.ts'
import { type CallerName, socketPath } from '../../agent/control/sockets.ts'

export async function siteStatus(data: string): Promise<SiteStatus> {
  const agent = await AgentClient.open(data, 'cli')
  try {
    return await agent.status()
  } finally {
    agent.close()
  }
}

export async function askLake<T>(
  data: string,
  use: (lake: LakeClient) => Promise<T>,
  caller: CallerName = 'cli',
): Promise<T> {
  const rpc = await connect(socketPath(data, 'lake', caller))
  try {
    return await use(lakeClient(rpc))
  } finally {
    rpc.close()
  }
}
