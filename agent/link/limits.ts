/** Bounds of the link (D18): each is a number that an outsider meets before it costs us more than it costs him. */

/** Of one MQTT message; a sealed summary is 40 KiB and some bytes at most. */
export const PAYLOAD_BYTES_MAX = 48 << 10
/** The whole packet: payload, topic, and the fixed header. */
export const PACKET_BYTES_MAX = PAYLOAD_BYTES_MAX + 1024
/** A CONNECT holds a client id and a signed last will. Nothing bigger is read before it. */
export const CONNECT_BYTES_MAX = 4 << 10

/** Messages of one appliance: 1 a second, and 100 at once after a silence. */
export const MESSAGES = { perSecond: 1, burst: 100 } as const

/** Connections of one listener, before anybody said who he is. */
export const CONNECTIONS_MAX = 12_000
export const CONNECTIONS_PER_SOURCE_MAX = 600
/** From the first byte to the end of the TLS handshake, and from there to CONNECT. */
export const HANDSHAKE_MS_MAX = 10_000
export const CONNECT_MS_MAX = 10_000
/** Two pings missed and a connection is over. */
export const KEEPALIVE_S = 30
export const KEEPALIVE_S_MAX = 120

/** Own summaries kept until every uplink has them: 90 days at one in 300 s. The oldest go first. */
export const OUTBOX_SUMMARIES_MAX = 26_000

/** Sent to one receiver and not yet acknowledged by it. */
export const IN_FLIGHT_MAX = 100
/** Not acknowledged for so long: sent again on the same connection, then after twice as long each time. */
export const AGAIN_MS = 60_000
export const AGAIN_MS_MOST = 480_000
export const BACK_OFF = { firstMs: 500, mostMs: 60_000 } as const

/** Of another broker's messages, worked on at the same time: as many share a sync of the disk. */
export const AT_ONCE_MAX = 256

/** Acknowledgements to one site: one a second at most, they are cumulative. */
export const ACK_MS_MIN = 1000
/** As in the shape of Ack. */
export const ACK_RANGES_MAX = 256

/** Islands between gaps that we remember of one site and epoch; an honest sender has a handful. */
export const RANGES_MAX = 4096
/** Epochs of one site that still take summaries; the oldest is forgotten first. */
export const EPOCHS_MAX = 16

export const SEGMENT_BYTES_MAX = 64 << 20
/** Messages that wait for the disk at one time: then the broker is told to wait. */
export const PENDING_BYTES_MAX = 64 << 20
/** Forks of one site that are kept as evidence; one more proves no more. */
export const FORKS_KEPT_MAX = 64
export const RETENTION_DAYS = 30
export const SNAPSHOT_MS = 300_000
/** Free space below which nothing more is received: the box needs the rest for itself. */
export const DISK_FREE_BYTES_MIN = 64 << 20

export const DOOR_BYTES_MAX = 16 << 10
export const DOOR_MS_MAX = 10_000
export const DOOR_CONNECTIONS_MAX = 256
export const DOOR_PER_SOURCE_MAX = 16
