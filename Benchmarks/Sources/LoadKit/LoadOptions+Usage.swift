extension LoadOptions {
    /// The help text of `--help`.
    public static let usage = """
        causeway-load: how much processor time, memory and patience an edge takes, beside a bare loop that does nothing but write.

        The edge (all three, or none to measure the bare loop alone; everything must already run):
          --edge ADDRESS:PORT       its public listener
          --edge-pid PID            its process
          --nats ADDRESS:PORT       the nats-server whose log it delivers
          --surface NAME            notifications (default), workspace or relay
          --secret TEXT             the HS256 secret that its tokens are checked with; better given in AUTH_HS256_SECRET
          --token TOKEN             one token for all connections instead; its tenant goes to --tenant

        The load:
          --connections N           streams held open (5000)
          --tenants T               tenants they are spread over (1)
          --tenant NAME             the tenant's name, or what the names begin with (load)
          --payload-bytes B         size of an event's payload (200)
          --rates R[,R…]            events a second over all tenants, paced; each is a scenario (10)
          --seconds S               length of a paced measurement (5)
          --burst K                 events published as fast as possible (1000)
          --single-burst K          the same for the bare loop when it writes each by itself (50)
          --rounds N                measurements of each, edge and bare loop in turn; medians are printed (3)

        The machine:
          --client-threads N        threads that read (1)
          --pin S,C                 processor S for edge and bare loop, C for the load
          --bare-loop PATH          the bare loop's executable (beside this one)
        """
}
