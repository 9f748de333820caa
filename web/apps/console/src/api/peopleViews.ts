/** What the cloud says of people, roles, invitations, sessions and the change log. */
export type RoleName = "owner" | "manager" | "finance" | "restocker" | "technician" | "read_only";

export type Person = {
  id: string;
  email: string;
  name: string;
  role: RoleName;
  state: "invited" | "active" | "inactive";
  created_at: string;
  /** A link waits to be used until then. */
  invited_until: string | null;
  sessions: number;
  signed_in_at: string | null;
};

export type PersonWords = { name: string; role: RoleName };
export type NewPerson = PersonWords & { email: string };

/** `path` is shown once. */
export type Invitation = { person: Person; path: string; expires_at: string };

export type Roles = { permissions: string[]; roles: { role: RoleName; permissions: string[] }[] };

export type Invited = { email: string; name: string; role: RoleName; merchant_name: string; expires_at: string };

export type StandingSession = {
  id: string;
  started_at: string | null;
  expires_at: string;
  source: string;
  agent: string;
  is_this: boolean;
};

export type Change = {
  seq: number;
  at: string;
  actor: string;
  actor_name: string;
  action: string;
  subject: string;
  reason: string;
  before: Readonly<Record<string, unknown>> | null;
  after: Readonly<Record<string, unknown>> | null;
  link: string;
};

export type Seal = { seq: number; link: string; is_whole: boolean; broken_at: number | null };
