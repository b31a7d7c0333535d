// Talking to the server: every failure becomes an Error whose message is one sentence.

async function asked(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Error("The server does not answer; is it still running?");
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw new Error(error || `The server answered with ${response.status}.`);
}

/** What is found in a photo; with `grid` only its row on the submission's grid. */
export async function predict(name, file, grid) {
  const query = new URLSearchParams(grid ? { name, grid: "1" } : { name });
  // As plain bytes: what kind of photo it is, is told by its content.
  const headers = { "Content-Type": "application/octet-stream" };
  return (await asked(`/predict?${query}`, { method: "POST", body: file, headers })).json();
}

/** An example's file. */
export async function example(number) {
  return (await asked(`/examples/${number}`)).blob();
}

/** A download made of rows. */
export async function download(file, rows) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ rows });
  return (await asked(`/download/${file}`, { method: "POST", body, headers })).blob();
}
