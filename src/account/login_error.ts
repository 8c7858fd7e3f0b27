/**
 * Why somebody cannot sign in: the browser has no login under way, or not this one; the path to come back to is not ours;
 * GitHub's question was answered with no; GitHub gave no token; or the user is in none of the allowed organizations.
 */
export type LoginErrorCode =
  | "login_expired"
  | "return_path_invalid"
  | "login_denied"
  | "login_refused"
  | "organization_required";

/** Somebody cannot sign in. The message is for the person, and holds no secret. */
export class LoginError extends Error {
  override readonly name = "LoginError";

  constructor(readonly code: LoginErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
